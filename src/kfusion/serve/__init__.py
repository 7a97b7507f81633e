"""The service: recordings over HTTP, streamed speech over a WebSocket, clients for both (docs/serving.md)."""
