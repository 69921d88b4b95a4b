"""What is slow to obtain is kept: the cache and its care, Debian's packages, directories of single runs."""
