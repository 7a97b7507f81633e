"""Where voices come from and landmarks go to: microphones, voice-agent frameworks, scale-out; one module each."""
