// Stands in for minijail, which Debian does not have: the part with which AOSP's main.cpp gives up root.
// As in minijail, a step that fails ends the process: adbd never keeps more privileges than it should.
#pragma once

#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <optional>
#include <vector>

#include <android-base/logging.h>

struct minijail {
    std::optional<uint64_t> capabilities;
    std::vector<gid_t> groups;
    std::optional<gid_t> group;
    std::optional<uid_t> user;
};

inline minijail* minijail_new() {
    return new minijail;
}

inline void minijail_set_supplementary_gids(minijail* jail, size_t size, const gid_t* groups) {
    jail->groups.assign(groups, groups + size);
}

inline void minijail_change_gid(minijail* jail, gid_t group) {
    jail->group = group;
}

inline void minijail_change_uid(minijail* jail, uid_t user) {
    jail->user = user;
}

// What the programs that adbd starts may ever gain; only a build that is not debuggable limits that.
inline void minijail_use_caps(minijail* jail, uint64_t mask) {
    jail->capabilities = mask;
}

inline void minijail_enter(const minijail* jail) {
    for (int capability = 0; jail->capabilities && capability <= CAP_LAST_CAP; capability++) {
        if (!(*jail->capabilities >> capability & 1) && prctl(PR_CAPBSET_DROP, capability) != 0) {
            PLOG(FATAL) << "the capability bounding set cannot be reduced";
        }
    }
    if (setgroups(jail->groups.size(), jail->groups.data()) != 0) PLOG(FATAL) << "setgroups failed";
    if (jail->group && setresgid(*jail->group, *jail->group, *jail->group) != 0) {
        PLOG(FATAL) << "setresgid failed";
    }
    if (jail->user && setresuid(*jail->user, *jail->user, *jail->user) != 0) {
        PLOG(FATAL) << "setresuid failed";
    }
}
