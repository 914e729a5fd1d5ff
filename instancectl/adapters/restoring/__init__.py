"""Where restored files go: volumes, media, and a desk of their own while they are worked on."""
