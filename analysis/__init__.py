"""One short file a figure over a finished run; copy one to add yours."""
