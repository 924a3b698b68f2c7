"""The head and its picture as the page draws them."""
