"""标准体系: the interface of the window, for people and for tools."""
