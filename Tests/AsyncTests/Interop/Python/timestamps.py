#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Prints what persistent.TimeStamp makes of moments and of identifiers, one a line."""

import random
import struct
import time

from persistent.TimeStamp import TimeStamp


def bits(number):
    return struct.pack(">d", number).hex()


generator = random.Random(20261122)
moments = [0.0, 59.999999999, 60.0, 951782399.999999, 951782400.0, 1798761599.9999999, 4102444800.25]
moments += [generator.uniform(0, 4e9) for _ in range(1000)]
moments += [float(generator.randrange(0, 200_000_000_000)) for _ in range(200)]
stamps = []
for moment in moments:
    stamp = TimeStamp(*time.gmtime(moment)[:5] + (moment % 60,))
    stamps.append(stamp)
    print("moment", bits(moment), stamp.raw().hex())

for stamp in list(stamps):
    raw = bytearray(stamp.raw())
    raw[4:] = generator.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe", b"\x80\0\0\0", b"\0\0\0\x01"])
    stamps.append(TimeStamp(bytes(raw)))
for stamp in stamps:
    print("stamp", stamp.raw().hex(), bits(stamp.timeTime()), str(stamp).replace(" ", "_"),
          *map(int, (stamp.year(), stamp.month(), stamp.day(), stamp.hour(), stamp.minute())), bits(stamp.second()))

for one in stamps:
    other = generator.choice([one, one, generator.choice(stamps)])
    print("later", one.raw().hex(), other.raw().hex(), one.laterThan(other).raw().hex())
for last_minute in [(2024, 2, 28, 23, 59), (2024, 2, 29, 23, 59), (2023, 2, 28, 23, 59), (2026, 12, 31, 23, 59)]:
    stamp = TimeStamp(TimeStamp(*last_minute, 0).raw()[:4] + b"\xff\xff\xff\xff")
    print("later", stamp.raw().hex(), stamp.raw().hex(), stamp.laterThan(stamp).raw().hex())
