"""Photos with other expressions: what is target, how it is painted, and how pictures say so."""
