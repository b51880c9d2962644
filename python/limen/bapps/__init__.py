"""The Berkeley-Adobe Perceptual Patch Similarity data set (BAPPS): data in its layout, and what is done with them."""
