"""`esp run`: the embedded servers, and the supervisor over all parts."""
