"""Using kept models: prediction on any image, and export. Nothing here is trained."""
