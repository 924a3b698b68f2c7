"""Photos with other expressions: what is wished, how it is painted, and how pictures say so."""
