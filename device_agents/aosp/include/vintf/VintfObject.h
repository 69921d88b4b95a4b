// Stands in for libvintf: the guest has no manifest of hardware services, so nothing is ever declared there.
// servicemanager then refuses names that only declared services may have, as Android does.
#pragma once

#include <memory>
#include <string>

namespace android::vintf {

struct HalManifest {
    bool hasAidlInstance(const std::string&, const std::string&, const std::string&) const {
        return false;
    }
};

struct VintfObject {
    static std::shared_ptr<HalManifest> GetDeviceHalManifest() {
        return nullptr;
    }
    static std::shared_ptr<HalManifest> GetFrameworkHalManifest() {
        return nullptr;
    }
};

}  // namespace android::vintf
