// swift-tools-version: 6.3
//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// A package of its own, so that nothing that only measures ever reaches somebody who depends on zkzeo.
let package = Package(
    name: "zkzeo-benchmarks",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
    ],
    targets: [
        .executableTarget(
            name: "zeoload",
            dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: [.swiftLanguageMode(.v6)]
        )
    ]
)
