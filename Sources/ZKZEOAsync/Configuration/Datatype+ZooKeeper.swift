//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

package import ZConfig

extension Datatype where Value == String {
    /// The path of a node in ZooKeeper.
    package static var zooKeeperPath: Datatype<String> {
        Datatype("a path in ZooKeeper like /databases/demo") { text throws(Fault) in
            guard text.hasPrefix("/") else { throw Fault("it does not begin with a slash") }
            guard text == "/" || !text.hasSuffix("/") else { throw Fault("it ends with a slash") }
            guard !text.contains("//") else { throw Fault("it has an empty part") }
            return text
        }
    }

    /// Where ZooKeeper is.
    package static var zooKeeperConnection: Datatype<String> {
        Datatype("HOST:PORT[,HOST:PORT…][/CHROOT]") { text throws(Fault) in
            do throws(ZooKeeperError) {
                _ = try ConnectionString(text)
            } catch {
                throw Fault(error.message)
            }
            return text
        }
    }
}

extension Datatype where Value == Duration {
    /// A number of milliseconds, or seconds with an `s` behind them.
    package static var sessionTimeout: Datatype<Duration> {
        Datatype("a number of milliseconds above 0, or of seconds like 10s") { text throws(Fault) in
            let isSeconds = text.lowercased().hasSuffix("s")
            let digits = isSeconds ? text.dropLast() : text[...]
            guard let number = Int(digits), (1...86_400_000).contains(number) else { throw Fault() }
            return isSeconds ? .seconds(number) : .milliseconds(number)
        }
    }
}
