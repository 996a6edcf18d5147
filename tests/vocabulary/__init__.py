"""The ten worked examples of docs/vocabulary.md, run as they stand there."""
