"""The service: recordings over HTTP, live speech over a WebSocket, clients for both (docs/serving.md)."""
