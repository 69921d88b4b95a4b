// Stands in for daemon/auth.cpp. As there, clients must authenticate where ro.adb.secure=1, by a signature with the
// private half of a key in /adb_keys (AOSP, frameworks/native/libs/adbd_auth/adbd_auth.cpp). There is no screen on
// which to confirm another key: with that, a client sees the device as "unauthorized", as a phone that nobody unlocks.
// BearSSL takes the place of BoringSSL, of which Debian has no static library.

#include "adb_auth.h"

#include <bearssl.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>
#include <sys/random.h>

#include <algorithm>
#include <fstream>
#include <string>

#include <android-base/logging.h>

#include "adb.h"
#include "transport.h"

static constexpr char kKeys[] = "/adb_keys";
static constexpr size_t kModulusSize = 2048 / 8;

// A key as adb encodes it: little-endian words (libcrypto_utils/android_pubkey.c).
struct EncodedKey {
    uint32_t modulus_words;
    uint32_t n0inv;
    unsigned char modulus[kModulusSize];
    unsigned char rr[kModulusSize];
    uint32_t exponent;
};

// adbd_main sets it from ro.adb.secure.
bool auth_required = true;

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

// adb signs the token as if it were a SHA-1 digest (client/auth.cpp, adb_auth_sign).
static bool signed_with(const std::string& line, const char* token, size_t token_size, const std::string& signature) {
    unsigned char decoded[sizeof(EncodedKey) + 1];
    EncodedKey key;
    if (b64_pton(line.substr(0, line.find_first_of(" \t")).c_str(), decoded, sizeof(decoded)) != sizeof(key)) {
        return false;
    }
    memcpy(&key, decoded, sizeof(key));
    std::reverse(std::begin(key.modulus), std::end(key.modulus));
    const uint32_t exponent = htonl(key.exponent);
    unsigned char exponent_bytes[sizeof(exponent)];
    memcpy(exponent_bytes, &exponent, sizeof(exponent));
    const br_rsa_public_key public_key = {key.modulus, sizeof(key.modulus), exponent_bytes, sizeof(exponent_bytes)};

    unsigned char digest[br_sha1_SIZE];
    auto bytes = reinterpret_cast<const unsigned char*>(signature.data());
    return token_size == sizeof(digest) &&
           br_rsa_pkcs1_vrfy_get_default()(bytes, signature.size(), BR_HASH_OID_SHA1, sizeof(digest), &public_key,
                                           digest) == 1 &&
           memcmp(digest, token, sizeof(digest)) == 0;
}

bool adbd_auth_verify(const char* token, size_t token_size, const std::string& signature, std::string* auth_key) {
    std::ifstream keys(kKeys);
    for (std::string line; std::getline(keys, line);) {
        if (signed_with(line, token, token_size, signature)) {
            *auth_key = line;
            return true;
        }
    }
    return false;
}

void adbd_auth_verified(atransport* transport) {
    handle_online(transport);
    send_connect(transport);
}

void adbd_auth_init() {}

void adbd_cloexec_auth_socket() {}

void adbd_auth_confirm_key(atransport*) {}

void adbd_notify_framework_connected_key(atransport*) {}
