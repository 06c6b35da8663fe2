import ZEO, ZODB, kazoo; print("ZEO", "ZODB", "kazoo")
