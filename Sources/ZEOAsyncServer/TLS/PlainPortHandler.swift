//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Stands before the connection where there is no TLS, and looks at the first bytes alone: a client that tries TLS gets
/// a line of its own in the log, since nothing that it sends could be read.
final class PlainPortHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let faults: FaultLog

    init(faults: FaultLog) {
        self.faults = faults
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        // A record of TLS begins with its kind (22 is a handshake) and version 3.x. As the length of a frame it would
        // be 369 million.
        if bytes.readableBytes >= 3, bytes.getBytes(at: bytes.readerIndex, length: 2) == [22, 3] {
            self.faults.tell(
                context.remoteAddress,
                "No conversation",
                "the client speaks TLS, and this server has no <ssl>"
            )
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
