"""What comes back by mail: bounces, automatic answers, replies."""
