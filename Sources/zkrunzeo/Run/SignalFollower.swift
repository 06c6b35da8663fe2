//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import UnixSignals

/// Does what signals say, as runzeo does: SIGTERM and SIGINT stop the server, SIGHUP stops it to be started anew, SIGUSR2
/// opens the log files anew, and reads certificates anew, which Python's server does not.
struct SignalFollower: Sendable {
    /// What is to come after the server has stopped.
    enum Ending: Sendable {
        case stop, startAnew
    }

    private let signals: UnixSignalsSequence
    private let log: EventLog
    private let logger: Logger
    private let renewTLS: (@Sendable () async throws -> Void)?

    /// From here on signals do no longer what they do by default. `renewTLS` is for a server that speaks TLS.
    init(log: EventLog, logger: Logger, renewTLS: (@Sendable () async throws -> Void)?) async {
        self.signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigusr2)
        self.log = log
        self.logger = logger
        self.renewTLS = renewTLS
    }

    /// Follows signals until it is cancelled. Says what the first signal that stopped the server wants to come after.
    func run(stop: @Sendable () async -> Void) async -> Ending {
        var ending: Ending?
        for await signal in self.signals {
            switch signal {
            case .sigusr2:
                self.reopenLogs()
                await self.renewCertificates()
            case .sighup:
                self.logger.info("(\(getpid())) restarted by SIGHUP")
                ending = ending ?? .startAnew
                await stop()
            default:
                self.logger.info("(\(getpid())) terminated by \(signal)")
                ending = ending ?? .stop
                await stop()
            }
        }
        return ending ?? .stop
    }

    private func reopenLogs() {
        guard self.log.isConfigured else {
            guard self.renewTLS == nil else { return }
            return self.logger.warning("(\(getpid())) received SIGUSR2, but it was not handled!")
        }
        self.log.reopen()
        self.logger.info("(\(getpid())) Log files reopened successfully")
    }

    private func renewCertificates() async {
        guard let renewTLS else { return }
        do {
            try await renewTLS()
            self.logger.info("(\(getpid())) Certificates read anew")
        } catch {
            self.logger.error("(\(getpid())) the certificates stay as they were: \(error)")
        }
    }
}
