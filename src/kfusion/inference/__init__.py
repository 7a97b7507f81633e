"""From a bundle to landmarks and a preview, without PyTorch."""
