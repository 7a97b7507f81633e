"""How far predicted landmarks are from the target, one file a family of scores; `catalogue` lists them all."""
