"""Speed, accuracy and memory of limen and of the libraries beside it: `make bench` writes docs/benchmarks.md."""
