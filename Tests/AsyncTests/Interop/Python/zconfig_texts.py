#
# Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
# Licensed under the Apache License, Version 2.0; see LICENSE.
# SPDX-License-Identifier: Apache-2.0
"""Prints what ZConfig reads from files, or that it refuses them.

zconfig_texts.py texts FILE...      events of each file: begin, end, key, import; or "refused LINE"
zconfig_texts.py values FILE        each line is DATATYPE TAB TEXT; prints what the datatype makes of the text
"""

import datetime
import os
import sys

import ZConfig
from ZConfig.cfgparser import ZConfigParser
from ZConfig.datatypes import stock_datatypes


class Resource:
    def __init__(self, path):
        self.url = path
        self.file = open(path, encoding="utf-8")


class Section:
    def __init__(self, out):
        self.out = out

    def addValue(self, key, value, position):
        self.out.append(f"key {key.lower()!a} {value!a} {os.path.basename(position[2])} {position[0]}")


class Context:
    def __init__(self):
        self.out = []

    def startSection(self, parent, type_, name):
        self.out.append(f"begin {type_!a} {name!a}")
        return Section(self.out)

    def endSection(self, parent, type_, name, section):
        self.out.append("end")

    def importSchemaComponent(self, package):
        self.out.append(f"import {package!a}")

    def includeConfiguration(self, section, url, defines):
        resource = Resource(url)
        ZConfigParser(resource, self, defines).parse(section)


def texts(paths):
    for path in paths:
        print("file", os.path.basename(path))
        context = Context()
        try:
            ZConfigParser(Resource(path), context).parse(Section(context.out))
        except (ZConfig.ConfigurationError, OSError) as error:
            print("refused", getattr(error, "lineno", None))
        else:
            print("\n".join(context.out))


def values(path):
    for line in open(path, encoding="utf-8"):
        name, text = line.rstrip("\n").split("\t")
        try:
            value = stock_datatypes[name](text)
        except Exception:
            print("refused")
            continue
        if isinstance(value, datetime.timedelta):
            value = value.total_seconds()
        if hasattr(value, "family"):
            value = value.address
        if isinstance(value, tuple):
            value = "%s %s" % value
        if isinstance(value, list):
            value = "|".join(value)
        print(value)


{"texts": lambda: texts(sys.argv[2:]), "values": lambda: values(sys.argv[2])}[sys.argv[1]]()
