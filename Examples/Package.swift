// swift-tools-version: 6.3
//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// A package of its own, as a program of yours would be one.
let package = Package(
    name: "zkzeo-examples",
    dependencies: [
        .package(name: "zkzeo", path: ".."),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "GuestBook",
            dependencies: [
                .product(name: "ZKZEOAsync", package: "zkzeo"),
                .product(name: "ZODB", package: "zkzeo"),
                .product(name: "ZODBStorage", package: "zkzeo"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        )
    ]
)
