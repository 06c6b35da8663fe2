//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Configurations that our reader and Python's are compared on, by file name. Those in `parts` are only included.
enum ConfigurationTexts {
    static let parts: [(name: String, text: String)] = [
        ("part.conf", "%define inner from-the-part\nport 8100\n<eventlog>\n  level info\n</eventlog>\n"),
        ("open.conf", "<eventlog>\n"),
        ("close.conf", "</zeo>\n"),
        ("wrong.conf", "\n\n(\n"),
    ]

    static let good: [String] = [
        "",
        "# only a comment\n\n   \n\t# another one",
        "key value\nKey2   value with  spaces   \nempty\nempty2   \n",
        "a=b\nx =\nkey(value)\nkey (value)\n",
        "<zeo>\n  address 127.0.0.1: 8100\n  monitor\n</zeo>\n",
        "<ZEO Name>\r\n  Address 8100\r\n</Zeo>\r\n<filestorage>\r\n</filestorage >\r\n",
        "<a>\n<b/>\n<b name/>\n<b Other />\n<c>\nk v\n</c>\n</a>\n<d-e.f />",
        "<a  b  >\n</a>\n<c b2/>",
        "%define name value\n%define Other $NAME and ${name}\n%define nothing\nx $other-$name$$ $nothing.\ny ${OTHER}x$$$$",
        "%define x 1\n%define x 1\n<s>\n%define y 2\n</s>\nk $y$x",
        "%import zc.zkzeo\n%define p zc\n<s>\n%import ${p}.other\n</s>",
        "%include part.conf\nx $inner",
        "<zeo>\n%include part.conf\n</zeo>\n<zeo>\n  %include   part.conf\n</zeo>",
        "%define f part\n%include $f.conf",
        "home $(ZKZEO_TEST_WORD)/$(ZKZEO_TEST_WORD)",
        "ünï cödé\n<sëctïon/>\n",
        "a\u{0b}b\nc\u{a0}d\u{2003}e\n",
        "key <value>\nother #value # not a comment\nthird %define",
        "key a\u{85}b\n",
        "a\rb\rc d",
    ]

    static let bad: [String] = [
        "<zeo>\n",
        "</zeo>\n",
        "<zeo>\n</storage>\n",
        "\n<zeo\n",
        "<zeo>\n</zeo\n",
        "< zeo>\n</zeo>",
        "<zeo a b>\n</zeo>",
        "<zeo(1)>\n</zeo(1)>",
        "<>\n</>",
        "</",
        "<",
        "(value)\n",
        "%\n",
        "%undefine x\n",
        "%DEFINE x y\n",
        "%define\n",
        "%import\n",
        "%include\n",
        "%include missing.conf\n",
        "x\n%define a b\n%define a c\n",
        "%define 1a b\n",
        "%define a-b c\n",
        "x $undefined\n",
        "\nx a$\n",
        "x $ a\n",
        "x ${a\n",
        "%define a b\nx ${a\n",
        "x ${}\n",
        "x $(ZKZEO_TEST_NOT_THERE)\n",
        "x $(ZKZEO_TEST_WORD\n",
        "x $(-)\n",
        "x $é\n",
        "%define y $z\n",
        "%import $z\n",
        "%include open.conf\n</eventlog>\n",
        "<zeo>\n%include close.conf\n",
        "\n%include wrong.conf\n",
    ]
}
