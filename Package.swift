// swift-tools-version: 6.3
//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// The language that every Swift target is written in. Warnings are errors only where we build ourselves (`make` sets the variable), so
/// that a newer compiler never breaks somebody who merely depends on this package.
let language: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("ImmutableWeakCaptures"),
    ] + (Context.environment["ZKZEO_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// Every target under Sources also marks each use of memory that the compiler cannot check.
let strict: [SwiftSetting] = language + [.strictMemorySafety()]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let metricsTestKit: Target.Dependency = .product(name: "MetricsTestKit", package: "swift-metrics")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "zkzeo",
    products: [
        .library(name: "ZKZEOAsync", targets: ["ZKZEOAsync"]),
        .library(name: "ZODB", targets: ["ZODB"]),
        .library(name: "ZODBStorage", targets: ["ZODBStorage"]),
        .library(name: "ZEOAsyncServer", targets: ["ZEOAsyncServer"]),
        .library(name: "ZKTestServer", targets: ["ZKTestServer"]),
        .executable(name: "zkrunzeo", targets: ["zkrunzeo"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CZooKeeper", providers: [.apt(["libzookeeper-mt-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "ZConfig", swiftSettings: strict),
        .target(name: "ZODBFormat", dependencies: [nioCore], swiftSettings: strict),
        .target(
            name: "ZODBStorage",
            dependencies: ["CZlib", "ZODBFormat", "ZConfig", nioCore, logging, collections],
            swiftSettings: strict
        ),
        .target(
            name: "ZODB",
            dependencies: ["ZODBStorage", "ZODBFormat", nioCore, logging, collections],
            swiftSettings: strict
        ),
        .target(name: "ZEOProtocol", dependencies: ["ZODBFormat", nioCore], swiftSettings: strict),
        .target(
            name: "ZKZEOAsync",
            dependencies: [
                "CZooKeeper", "ZConfig", "ZODB", "ZODBStorage", "ZODBFormat", "ZEOProtocol",
                nioCore, nioPosix, nioSSL, nioTLS, logging, metrics, lifecycle, collections,
            ],
            swiftSettings: strict
        ),
        .target(
            name: "ZEOAsyncServer",
            dependencies: [
                "ZEOProtocol", "ZODBStorage", "ZODBFormat", "ZConfig",
                nioCore, nioPosix, nioHTTP1, nioSSL, nioTLS, logging, metrics, lifecycle, collections,
            ],
            swiftSettings: strict
        ),
        .target(
            name: "ZKTestServer",
            dependencies: [nioCore, nioPosix, logging, lifecycle, collections],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "zkrunzeo",
            dependencies: [
                "ZEOAsyncServer", "ZEOProtocol", "ZKZEOAsync", "ZKTestServer", "ZODBStorage", "ZODBFormat", "ZConfig",
                nioCore, nioPosix, nioHTTP1, nioSSL, logging, metrics, lifecycle, signals, argumentParser,
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "AsyncTests",
            dependencies: [
                "CZooKeeper", "ZConfig", "ZODBFormat", "ZODBStorage", "ZODB", "ZEOProtocol", "ZKZEOAsync",
                "ZEOAsyncServer", "ZKTestServer", "zkrunzeo",
                nioCore, nioPosix, nioEmbedded, nioHTTP1, nioSSL, logging, metrics, metricsTestKit, lifecycle,
                collections,
                argumentParser,
            ],
            exclude: ["Interop/Python", "zkrunzeo/Configurations", "Fuzz/Corpus"],
            swiftSettings: language
        ),
    ]
)
