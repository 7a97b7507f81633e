"""Networks: KFusion, its layers, and the speech encoders it listens through."""
