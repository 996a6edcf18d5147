"""What a store promises, whoever provides it: checks that do not know who answers."""
