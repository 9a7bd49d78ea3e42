"""The price of gold: asks the sources, agrees on one price per slot, and serves it."""
