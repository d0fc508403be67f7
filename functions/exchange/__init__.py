"""数据交换中心: carries documents to agencies and their answers back; nothing lost, nobody blocked."""
