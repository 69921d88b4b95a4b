// What the framework's Java classes put in parcels, as the stand-in's release lays it out: as much of it as delivery
// depends on, and the bytes themselves to hand on.
#pragma once

#include <binder/Parcel.h>
#include <binder/Status.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

inline constexpr int32_t BUNDLE_MAGIC = 0x4C444E42;  // BaseBundle.java

std::string utf8(const android::String16& text);

// A refusal, which travels in the reply as an exception.
android::binder::Status refusal(int32_t exception, const std::string& message);

// Bytes copied out of a parcel, with the objects among them.
class Bytes {
  public:
    Bytes() : parcel_(std::make_shared<android::Parcel>()) {}
    Bytes(const android::Parcel& from, size_t start, size_t end) : Bytes() {
        parcel_->appendFrom(&from, start, end - start);
    }
    void write(android::Parcel* to) const {
        to->appendFrom(parcel_.get(), 0, parcel_->dataSize());
    }
    bool has_file_descriptors() const {
        return parcel_->hasFileDescriptors();
    }

  private:
    std::shared_ptr<android::Parcel> parcel_;
};

struct ComponentName {
    std::string package, class_name;

    bool operator==(const ComponentName& other) const {
        return package == other.package && class_name == other.class_name;
    }
    // As ComponentName.unflattenFromString; nothing for what names no class.
    static std::optional<ComponentName> parse(const std::string& text);
    // ComponentName.flattenToShortString.
    std::string text() const {
        const bool own = class_name.compare(0, package.size() + 1, package + ".") == 0;
        return package + "/" + (own ? class_name.substr(package.size()) : class_name);
    }
    // An `in ComponentName` argument.
    void write(android::Parcel* to) const;
};

class Intent {
  public:
    // Reads what Intent.writeToParcel wrote; nothing where that cannot be read.
    static std::optional<Intent> read(const android::Parcel& from, int depth = 0);
    // Reads an `in Intent` argument; nothing for null too.
    static std::optional<Intent> read_argument(const android::Parcel& from);
    // An `in Intent` argument.
    void write(android::Parcel* to) const;

    // What Intent.filterEquals compares: two Intents for which one binding of a service is enough.
    bool filter_equals(const Intent& other) const;
    std::string text() const;

    std::optional<std::string> action, data, type, identifier, package;
    uint32_t flags = 0;
    std::optional<ComponentName> component;
    std::vector<std::string> categories;
    bool has_extras = false;
    Bytes bytes;
};

struct IntentFilter {
    // Reads an `in IntentFilter` argument; nothing for null, and for one that asks for more than this.
    static std::optional<IntentFilter> read_argument(const android::Parcel& from);
    bool matches(const Intent& intent) const;

    std::vector<std::string> actions, categories, schemes;
    int32_t priority = 0;
};

// An `in Bundle` argument, null included, unchanged.
std::optional<Bytes> read_bundle_argument(const android::Parcel& from);
Bytes null_argument();

// A string of an Intent or a URI, which may be null: in UTF-8 since Android 11.
bool read_string(const android::Parcel& from, std::optional<std::string>* text);
void write_string(android::Parcel* to, const std::optional<std::string>& text);

// Any other String that may be null.
std::optional<android::String16> read_string16(const android::Parcel& from);
void write_string16(android::Parcel* to, const std::optional<android::String16>& text);
