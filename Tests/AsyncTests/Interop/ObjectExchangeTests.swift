//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODB
import ZODBFormat
import ZODBStorage

/// Persistent objects that Python and Swift write for each other.
@Suite(.timeLimit(.minutes(1))) struct ObjectExchangeTests {
    @Test func listsGoBothWays() async throws {
        try await ObjectExchange.run("lists") { connection in
            try await connection.transaction { root in
                let plain = try #require(try await root.list("plain"))
                #expect(plain.elements.prefix(2) == [1, "two"])
                plain.remove(at: 2)
                plain.insert("first", at: 0)
                plain.append("last")
                let nested = try #require(try await root.list("nested"))
                let inner = try #require(try await nested.object(at: 0) as? PersistentList)
                inner.append("outer")
                try await nested.mapping(at: 1)["key"] = "other"
                nested.append(.object(inner))
                let itself = try #require(try await root.list("itself"))
                #expect(try await itself.object(at: 0) === itself)
                itself.append(.null)
                let long = try #require(try await root.list("long"))
                long.removeAll { ($0.int ?? 0) % 3 == 0 }
                let empty = try #require(try await root.list("empty"))
                #expect(empty.isEmpty)
                root["new"] = .object(PersistentList([.object(PersistentList()), .object(plain)]))
            }
        }
    }

    @Test func objectsOfUnknownClassesKeepEverythingThatIsNotChanged() async throws {
        try await ObjectExchange.run("opaque") { connection in
            try await connection.transaction { root in
                let customer = try #require(try await root.object("customer") as? OpaqueObject)
                #expect(customer.pythonClass?.description == "objects.Customer")
                #expect(customer.attributes.attributeNames.prefix(3).elementsEqual(["first", "tags", "address"]))
                #expect(customer.address.attributeNames == ["street", "city"])
                #expect(customer.address.pythonClass?.name == "Address")
                #expect(try customer.address.street.value == "Main")
                #expect(try customer.tags.value == ["a", "b"])
                #expect(try customer.slotted.a[1].value == "b")
                #expect(try customer.loop[1][1][0].value == 1)
                #expect(throws: FormatError.self) { try customer.loop.value }
                #expect(throws: FormatError.self) { try customer.odd.value }

                try customer.first.set("replaced")
                try customer.tags.append("c")
                try customer.pair[0].append(["d"])
                try customer.address.street.set("Side")
                try customer.billing.zip.set("89073")
                try customer.loop.append("end")
                try customer.gone.remove()
                try customer.also_gone.remove()
                try customer.settings["y"]["z"].set("changed")
                try customer.settings["y"]["new"].set(.null)
                try customer.settings["y"][.tuple([1, "a"])].remove()
                try customer.slotted.b.set(3)
                try customer.counting["k"].set(2)
                try customer.counting["l"].set(3)
                try customer.n.set(.int(try #require(try customer.n.value.int) + 1))
                try customer.added.set(["list": [1, 2.5]])
                let mapping = PersistentMapping(["by": "Swift", "back": .object(customer)])
                try customer.mapping.set(.object(mapping))
                #expect(try await customer.mapping.load() === mapping)
                let friend = try #require(try await customer.friend.load() as? OpaqueObject)
                try friend.name.set("friend of Swift")
                let empty = try #require(try await root.object("empty") as? OpaqueObject)
                #expect(!empty.name.exists)
                try empty.name.set("no more")
                let sized = try #require(try await root.object("sized") as? OpaqueObject)
                #expect(sized.attributes.pythonClass?.name == "Sized")
                try sized.color.set("blue")

                for refused in [
                    customer.pair[0], customer.own.attribute("value"), customer.own[0], customer.n.x, customer.no.x,
                ] {
                    let error = #expect(throws: StorageError.self) { try refused.set(1) }
                    #expect(error?.code == .invalidArgument)
                }
            }
        }
    }

    @Test func blobsGoBothWays() async throws {
        try await ObjectExchange.run("blobs") { connection in
            try await connection.transaction { root in
                let small = try await #require(try await root.blob("small")).contents().collect(upTo: 100)
                #expect(String(buffer: small) == "from Python")
                try await #require(try await root.blob("changed")).write(ByteBuffer(string: "new"))
                let copy = try root.newBlob()
                try await copy.write(try await #require(try await root.blob("large")).contents())
                root["copy"] = .object(copy)
                root["empty"] = .object(try root.newBlob())
            }
        }
    }

    /// What Python's classes of `objects.py` are in Swift.
    private struct Guest: PythonClass {
        static let pythonClass = PickleGlobal("objects", "Guest")
        var name: String
        var nickname: String?
        var visits: [Date]
        var address: Address
        var tags: Set<String>
        var numbers: [Int]?
        var price: Decimal
        var token: UUID
        var friend: PythonValue?
    }

    private struct Address: PythonClass {
        static let pythonClass = PickleGlobal("objects", "Address")
        var street: String
        var city: String
    }

    private struct Sized: PythonClass {
        static let pythonClass = PickleGlobal("objects", "Sized")
        static let constructorArguments = ["size", "unit"]
        var size: Int
        var unit: String
        var color: String
        var tags: Set<Int>
    }

    @Test func swiftTypesStandForPythonClasses() async throws {
        var options = DatabaseOptions()
        options.classes.register(Guest.self)
        options.classes.register(Sized.self)
        try await ObjectExchange.run("typed", options: options) { connection in
            try await connection.transaction { root in
                let guest = try #require(try await root.object("guest") as? Persistent<Guest>)
                #expect(try guest.name == "Ann")
                #expect(try guest.address.street == "Main")
                #expect(try guest.numbers == [1, 2])
                #expect(try guest.tags == ["a", "b"])
                #expect(try guest.visits.map(\.timeIntervalSince1970) == [1_767_323_045.678901, -14_182_980])
                #expect(try guest.price == Decimal(string: "12.5"))
                let token = try guest.token
                #expect(token.uuidString == "12345678-1234-5678-9234-567812345678")
                try guest.update { guest in
                    guest.name = "Bea"
                    guest.visits.append(Date(timeIntervalSince1970: 946_684_800))
                    guest.address.city = "Bonn"
                    guest.tags.insert("c")
                    guest.numbers?.append(3)
                    guest.nickname = "Nan"
                }
                let new = try Persistent(
                    Guest(
                        name: "Cem",
                        visits: [],
                        address: Address(street: "Side", city: "Ulm"),
                        tags: ["x"],
                        price: Decimal(string: "0.1") ?? 0,
                        token: token,
                        friend: PythonValue(.object(guest))
                    )
                )
                root["new"] = .object(new)
                let sized = try #require(try await root.object("sized") as? Persistent<Sized>)
                #expect(try sized.size == 10)
                #expect(try sized.unit == "mm")
                try sized.update { $0.color = "blue" }
                let error = #expect(throws: StorageError.self) { try sized.update { $0.size = 11 } }
                #expect(error?.code == .invalidArgument)
                #expect(try sized.size == 10)
                root["made"] = .object(try Persistent(Sized(size: 3, unit: "m", color: "green", tags: [1])))
            }
        }
    }

    @Test func plainDataOfPythonsLibraryHasSwiftForms() async throws {
        try await ObjectExchange.run("values") { connection in
            try await connection.transaction { root in
                let python = try #require(try await root.mapping("python"))
                func value(_ key: String) throws -> PersistentValue { try #require(python[key]) }
                let date = try #require(try value("date").pythonDate)
                #expect(date == PythonDate(year: 2026, month: 11, day: 22))
                #expect(PythonDate(daysSince1970: date.daysSince1970) == date)
                let utc = try #require(try value("utc").dateTime)
                #expect(utc.zone == .utc)
                let moment = try #require(utc.microsecondsSince1970)
                #expect(moment == 1_795_381_500_000_007)
                #expect(PythonDateTime(microsecondsSince1970: moment) == utc)
                #expect(try value("east").dateTime?.microsecondsSince1970 == -19_800_999_999)
                #expect(try value("naive").dateTime?.zone == .unknown)
                #expect(try value("delta").timeDelta?.microseconds == -259_199_999_999)
                #expect(try value("decimal").decimalDigits == "-1.10E+5")
                #expect(try value("decimal").decimal == -110_000)
                #expect(try #require(try value("complex").complex) == (1.5, -2))
                #expect(try value("set").members == [1, "two", .tuple([3])])

                let swift = PersistentMapping()
                for key in ["date", "leap day"] {
                    swift[key] = .date(try #require(try value(key).pythonDate))
                }
                for key in ["time", "time in a zone"] {
                    let time = try #require(try value(key).pythonTime)
                    swift[key] = .time(time.time, zone: time.zone)
                }
                for key in ["naive", "last", "utc", "east"] {
                    swift[key] = .dateTime(try #require(try value(key).dateTime))
                }
                swift["delta"] = .timeDelta(try #require(try value("delta").timeDelta))
                swift["decimal"] = .decimal(try #require(try value("decimal").decimalDigits))
                swift["complex"] = .complex(1.5, -2)
                for key in ["uuid", "small uuid"] { swift[key] = .uuid(try #require(try value(key).uuid)) }
                for key in ["set", "frozen set", "empty set"] { swift[key] = try value(key) }
                root["swift"] = .object(swift)
            }
        }
    }
}
