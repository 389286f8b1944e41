a = "👩‍👩 é"
b = substr("hé", -1, -1)
