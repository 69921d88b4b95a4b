// Stands in for libvintf: the guest has no manifest of hardware services, so nothing is ever declared there.
// servicemanager then refuses names that only declared services may have, as Android does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace android::vintf {

enum class HalFormat { AIDL };

struct ManifestInstance {
    HalFormat format() const {
        return HalFormat::AIDL;
    }
    std::string package() const {
        return {};
    }
    std::string interface() const {
        return {};
    }
    std::string instance() const {
        return {};
    }
    std::optional<std::string> updatableViaApex() const {
        return std::nullopt;
    }
    std::optional<std::string> ip() const {
        return std::nullopt;
    }
    std::optional<uint64_t> port() const {
        return std::nullopt;
    }
};

struct HalManifest {
    bool hasAidlInstance(const std::string&, const std::string&, const std::string&) const {
        return false;
    }
    std::set<std::string> getAidlInstances(const std::string&, const std::string&) const {
        return {};
    }
    template <typename Visit>
    bool forEachInstance(const Visit& visit) const {
        (void)sizeof(visit(ManifestInstance()));  // There is none to visit.
        return true;
    }
};

struct VintfObject {
    static std::shared_ptr<VintfObject> GetInstance() {
        return std::make_shared<VintfObject>();
    }
    std::shared_ptr<const HalManifest> getDeviceHalManifest() const {
        return std::make_shared<HalManifest>();
    }
    std::shared_ptr<const HalManifest> getFrameworkHalManifest() const {
        return std::make_shared<HalManifest>();
    }
};

}  // namespace android::vintf
