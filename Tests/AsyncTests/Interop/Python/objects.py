#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Objects that Python and Swift make for each other, in the file storage FOLDER/Data.fs.

    objects.py make TOPIC FOLDER    write what Swift is to read and to change
    objects.py check TOPIC FOLDER   check what Swift has made of it
"""
import datetime
import decimal
import sys
import uuid

import transaction
import ZODB
from persistent import Persistent
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage
from ZODB.serialize import referencesf


def make_lists(root):
    root['plain'] = PersistentList([1, 'two', b'three', None, (4, [5.0])])
    root['plain'].attribute = frozenset([1])
    root['nested'] = PersistentList([PersistentList(['inner']), PersistentMapping(key='value')])
    root['itself'] = PersistentList()
    root['itself'].append(root['itself'])
    root['empty'] = PersistentList()
    root['long'] = PersistentList(range(2500))


def check_lists(root):
    plain = root['plain']
    assert type(plain) is PersistentList
    assert list(plain) == ['first', 1, 'two', None, (4, [5.0]), 'last'], list(plain)
    assert plain.attribute == frozenset([1])
    assert list(root['nested'][0]) == ['inner', 'outer']
    assert dict(root['nested'][1]) == {'key': 'other'}
    assert root['nested'][2] is root['nested'][0]
    assert root['itself'][0] is root['itself']
    assert len(root['itself']) == 2
    assert list(root['long']) == [n for n in range(2500) if n % 3]
    new = root['new']
    assert type(new) is PersistentList
    assert type(new[0]) is PersistentList
    assert list(new[0]) == []
    assert new[1] is plain
    new.append('and Python')
    transaction.commit()


class Address:

    def __init__(self, street, city):
        self.street = street
        self.city = city


class Slotted:
    __slots__ = ('a', 'b')


class Counting(dict):
    """A dictionary with attributes."""


class Own:
    """A state of its own kind."""

    def __getstate__(self):
        return ('own', self.value)

    def __setstate__(self, state):
        self.value = state[1]


class Customer(Persistent):
    pass


class Sized(Persistent):
    """A class that is made with arguments, which its state does not have."""
    __slots__ = ('made_with', '__dict__')

    def __new__(cls, size, unit='cm'):
        self = super().__new__(cls)
        self.made_with = (size, unit)
        return self

    def __getnewargs__(self):
        return self.made_with

    def __getstate__(self):
        return {'color': self.color, 'tags': self.tags}


def make_opaque(root):
    customer = root['customer'] = Customer()
    # What is named twice is one object.
    customer.first = customer.tags = ['a', 'b']
    customer.address = Address('Main', 'Ulm')
    customer.billing = customer.address
    customer.loop = [1]
    customer.loop.append(customer.loop)
    customer.me = {'customer': customer}
    customer.odd = '\ud800'
    customer.gone = ['x', customer.address]
    customer.also_gone = [customer.tags]
    customer.settings = {'x': 1, 'y': {'z': 2, (1, 'a'): 3}}
    customer.slotted = Slotted()
    customer.slotted.a = customer.tags
    customer.slotted.b = 2
    customer.counting = Counting(k=1)
    customer.counting.attribute = 'kept'
    customer.own = Own()
    customer.own.value = customer.tags
    customer.friend = Customer()
    customer.friend.name = 'friend'
    customer.when = datetime.datetime(2026, 1, 2, 3, 4, 5, 6)
    customer.price = decimal.Decimal('1.10')
    customer.pair = (customer.tags, customer.settings)
    customer.n = 5
    root['empty'] = Customer()
    sized = root['sized'] = Sized(10, unit='mm')
    sized.color = 'red'
    sized.tags = {1, 2}


def check_opaque(root):
    customer = root['customer']
    assert type(customer) is Customer
    assert customer.first == 'replaced', customer.first
    assert customer.tags == ['a', 'b', 'c', ['d']], customer.tags
    assert type(customer.address) is Address
    assert vars(customer.address) == {'street': 'Side', 'city': 'Ulm', 'zip': '89073'}, vars(customer.address)
    assert customer.billing is customer.address
    assert customer.loop[0] == 1 and customer.loop[1] is customer.loop and customer.loop[2] == 'end'
    assert customer.me['customer'] is customer
    assert customer.odd == '\ud800'
    assert not hasattr(customer, 'gone')
    assert not hasattr(customer, 'also_gone')
    assert customer.settings == {'x': 1, 'y': {'z': 'changed', 'new': None}}, customer.settings
    assert type(customer.slotted) is Slotted
    assert customer.slotted.a is customer.tags
    assert customer.slotted.b == 3
    assert type(customer.counting) is Counting
    assert dict(customer.counting) == {'k': 2, 'l': 3}
    assert customer.counting.attribute == 'kept'
    assert type(customer.own) is Own and customer.own.value is customer.tags
    assert customer.friend.name == 'friend of Swift'
    assert customer.when == datetime.datetime(2026, 1, 2, 3, 4, 5, 6)
    assert str(customer.price) == '1.10'
    assert customer.pair[0] is customer.tags and customer.pair[1] is customer.settings
    assert customer.n == 6
    assert customer.added == {'list': [1, 2.5]}
    assert type(customer.mapping) is PersistentMapping and customer.mapping['by'] == 'Swift'
    assert customer.mapping['back'] is customer
    assert root['empty'].name == 'no more'
    sized = root['sized']
    assert type(sized) is Sized and sized.made_with == (10, 'mm')
    assert sized.color == 'blue' and sized.tags == {1, 2}
    # What Swift has put in is found by whoever follows references without making objects.
    storage = root._p_jar.db().storage
    data = storage.load(customer._p_oid)[0]
    assert {customer.friend._p_oid, customer.mapping._p_oid} <= set(referencesf(data))
    # And Python writes everything again.
    customer._p_changed = True
    transaction.commit()
    root._p_jar.cacheMinimize()
    assert customer.tags == ['a', 'b', 'c', ['d']]


class Guest(Persistent):
    pass


UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))


def make_typed(root):
    guest = root['guest'] = Guest()
    guest.name = 'Ann'
    guest.visits = [datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), datetime.datetime(1969, 7, 20, 20, 17, tzinfo=UTC)]
    guest.address = Address('Main', 'Ulm')
    guest.address.unknown = [guest.visits]
    guest.billing = guest.address
    guest.tags = frozenset(['a', 'b'])
    guest.numbers = (1, 2)
    guest.price = decimal.Decimal('12.50')
    guest.token = uuid.UUID('12345678-1234-5678-9234-567812345678')
    guest.nickname = None
    guest.odd = '\ud800'
    guest.friend = Guest()
    root['sized'] = Sized(10, unit='mm')
    root['sized'].color = 'red'
    root['sized'].tags = set()


def check_typed(root):
    guest = root['guest']
    assert type(guest) is Guest
    assert guest.name == 'Bea'
    assert guest.visits[0] == datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    assert guest.visits[2] == datetime.datetime(2000, 1, 1, tzinfo=UTC), guest.visits
    assert guest.address.city == 'Bonn' and guest.address.street == 'Main'
    assert guest.address.unknown[0] is guest.visits
    assert guest.billing is guest.address
    assert guest.tags == frozenset(['a', 'b', 'c']) and type(guest.tags) is frozenset
    assert guest.numbers == (1, 2, 3), guest.numbers
    assert str(guest.price) == '12.50'
    assert guest.token == uuid.UUID('12345678-1234-5678-9234-567812345678')
    assert guest.nickname == 'Nan'
    assert guest.odd == '\ud800'
    assert type(guest.friend) is Guest
    new = root['new']
    assert type(new) is Guest and type(new.address) is Address
    assert new.name == 'Cem' and new.nickname is None and new.visits == [] and new.tags == {'x'}
    assert new.price == decimal.Decimal('0.1') and new.token == guest.token
    assert new.friend is guest
    sized = root['sized']
    assert sized.made_with == (10, 'mm') and sized.color == 'blue'
    made = root['made']
    assert type(made) is Sized and made.made_with == (3, 'm') and made.color == 'green' and made.tags == {1}


def values():
    return {
        'date': datetime.date(2026, 11, 22),
        'leap day': datetime.date(2000, 2, 29),
        'time': datetime.time(23, 59, 58, 999999),
        'time in a zone': datetime.time(1, 2, tzinfo=EAST),
        'naive': datetime.datetime(1, 1, 1),
        'last': datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
        'utc': datetime.datetime(2026, 11, 22, 21, 5, 0, 7, UTC),
        'east': datetime.datetime(1969, 12, 31, 23, 59, 59, 1, EAST),
        'delta': datetime.timedelta(days=-3, microseconds=1),
        'decimal': decimal.Decimal('-1.10E+5'),
        'complex': 1.5 - 2j,
        'uuid': uuid.UUID(int=2**127 + 5),
        'small uuid': uuid.UUID(int=7),
        'set': {1, 'two', (3,)},
        'frozen set': frozenset([None, b'x']),
        'empty set': set(),
    }


def make_values(root):
    root['python'] = PersistentMapping(values())


def check_values(root):
    made = root['swift']
    for key, value in values().items():
        assert type(made[key]) is type(value), (key, made[key])
        assert made[key] == value, (key, made[key])
        assert getattr(made[key], 'tzinfo', None) == getattr(value, 'tzinfo', None), key


def make_blobs(root):
    root['small'] = Blob(b'from Python')
    root['changed'] = Blob(b'old')
    root['large'] = Blob(bytes(range(256)) * 4096)


def check_blobs(root):
    def read(blob):
        assert type(blob) is Blob, type(blob)
        with blob.open('r') as f:
            return f.read()
    assert read(root['small']) == b'from Python'
    assert read(root['changed']) == b'new'
    assert read(root['copy']) == bytes(range(256)) * 4096
    assert read(root['empty']) == b''
    with root['copy'].open('a') as f:
        f.write(b'and Python')
    transaction.commit()


def main(command, topic, folder):
    db = ZODB.DB(FileStorage(folder + '/Data.fs', blob_dir=folder + '/blobs'))
    root = db.open().root()
    globals()[command + '_' + topic](root)
    transaction.commit()
    db.close()
    print('done')


if __name__ == '__main__':
    # Classes of this file are stored under this name.
    import objects
    objects.main(*sys.argv[1:])
