"""通道与投递: which way each party is reached, where a message goes, and that it gets there; dead letters, replay."""
