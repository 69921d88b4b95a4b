// Stands in for daemon/auth.cpp and with it for BoringSSL. The guest's port is forwarded to 127.0.0.1 alone, so by
// default clients need not authenticate. With ro.adb.secure=1 they must, and none can: there is no screen on
// which to confirm a key, so every client sees the device as "unauthorized", as a phone that nobody has unlocked yet.

#include "adb_auth.h"

#include <sys/random.h>

#include <android-base/logging.h>

#include "adb.h"
#include "transport.h"

// adbd_main sets it from ro.adb.secure.
bool auth_required = false;

void send_auth_request(atransport* transport) {
    if (getrandom(transport->token, sizeof(transport->token), 0) != sizeof(transport->token)) {
        PLOG(FATAL) << "no random token";
    }
    apacket* packet = get_apacket();
    packet->msg.command = A_AUTH;
    packet->msg.arg0 = ADB_AUTH_TOKEN;
    packet->msg.data_length = sizeof(transport->token);
    packet->payload.assign(transport->token, transport->token + sizeof(transport->token));
    send_packet(packet, transport);
}

bool adbd_auth_verify(const char*, size_t, const std::string&, std::string*) {
    return false;
}

void adbd_auth_init() {}

void adbd_cloexec_auth_socket() {}

void adbd_auth_confirm_key(atransport*) {}

// Called only for a key that adbd_auth_verify accepted.
void adbd_auth_verified(atransport*) {}

void adbd_notify_framework_connected_key(atransport*) {}
