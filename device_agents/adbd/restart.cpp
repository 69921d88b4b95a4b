// Stands in front of daemon_service_to_fd() of daemon/services.cpp, which the Makefile renames, to fix a race of
// AOSP's: having answered "root", "unroot" or "tcpip", adbd calls exit() as soon as the answer is queued for the
// connection (exit_on_close in sockets.cpp), and the client often reads "closed" instead of the answer.
// Here exit() first waits until the connection has written what was queued.

#include <stdlib.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <thread>

#include <android-base/strings.h>

#include "adb.h"
#include "transport.h"

unique_fd android_service_to_fd(std::string_view name, atransport* transport);

// Whoever asked for the restart.
static std::weak_ptr<Connection> asking;

static bool everything_taken(BlockingConnectionAdapter& connection) {
    std::lock_guard<std::mutex> lock(connection.mutex_);
    return connection.stopped_ || connection.write_queue_.empty();
}

static void finish_writing() {
    auto connection = std::dynamic_pointer_cast<BlockingConnectionAdapter>(asking.lock());
    if (!connection) return;

    // One thread takes packets off the queue and writes each before it takes the next. When it has taken this one,
    // which names no stream and so means nothing to the client, it has written all the others.
    auto last = std::make_unique<apacket>();
    last->msg = {.command = A_CLSE, .magic = A_CLSE ^ 0xffffffff};
    connection->Write(std::move(last));

    // A client that has stopped reading does not keep adbd from restarting.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (!everything_taken(*connection) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

unique_fd daemon_service_to_fd(std::string_view name, atransport* transport) {
    for (const char* restart : {"root:", "unroot:", "tcpip:", "usb:"}) {
        if (android::base::StartsWith(name, restart)) {
            [[maybe_unused]] static const int registered = atexit(finish_writing);
            asking = transport->connection();
        }
    }
    return android_service_to_fd(name, transport);
}
