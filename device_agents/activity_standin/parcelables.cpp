#include "parcelables.h"

#include <utils/String16.h>
#include <utils/String8.h>

#include <algorithm>

#include "release.h"

using namespace android;

enum UriForm { NO_URI, STRING_URI, OPAQUE_URI, HIERARCHICAL_URI };
enum PartForm { BOTH, ENCODED, DECODED };

std::string utf8(const String16& text) {
    return String8(text).c_str();
}

binder::Status refusal(int32_t exception, const std::string& message) {
    return binder::Status::fromExceptionCode(exception, String8(message.c_str()));
}

// A String8 that may be null. libbinder's own readString8 takes an empty one to have no NUL, which Java's has.
static bool read_string8(const Parcel& from, std::optional<std::string>* text) {
    int32_t length;
    if (from.readInt32(&length) != OK) return false;
    text->reset();
    if (length < 0) return true;
    if (length == INT32_MAX) return false;
    const char* bytes = static_cast<const char*>(from.readInplace(static_cast<size_t>(length) + 1));
    if (!bytes) return false;
    text->emplace(bytes, length);
    return true;
}

static bool read_utf16(const Parcel& from, std::optional<std::string>* text) {
    size_t length;
    const size_t start = from.dataPosition();
    int32_t characters;
    if (from.readInt32(&characters) != OK) return false;
    text->reset();
    if (characters < 0) return true;
    from.setDataPosition(start);
    const char16_t* found = from.readString16Inplace(&length);
    if (found) text->emplace(utf8(String16(found, length)));
    return found;
}

bool read_string(const Parcel& from, std::optional<std::string>* text) {
    return OF_ANDROID_10 ? read_utf16(from, text) : read_string8(from, text);
}

// As Java writes it, with a NUL even after nothing.
static void write_string8(Parcel* to, const std::optional<std::string>& text) {
    if (!text) {
        to->writeInt32(-1);
        return;
    }
    to->writeInt32(text->size());
    to->write(text->c_str(), text->size() + 1);
}

void write_string(Parcel* to, const std::optional<std::string>& text) {
    if (OF_ANDROID_10) {
        write_string16(to, text ? std::optional(String16(text->c_str())) : std::nullopt);
    } else {
        write_string8(to, text);
    }
}

static bool read_part(const Parcel& from, std::optional<std::string>* text) {
    std::optional<std::string> decoded;
    switch (from.readInt32()) {
        case BOTH:
            return read_string(from, text) && read_string(from, &decoded);
        case ENCODED:
        case DECODED:
            return read_string(from, text);
        default:
            return false;
    }
}

// The text is whole for a StringUri only, which is what Uri.parse makes; nothing is decided by the others'.
static bool read_uri(const Parcel& from, std::optional<std::string>* text) {
    std::optional<std::string> part;
    switch (const int32_t form = from.readInt32()) {
        case NO_URI:
            text->reset();
            return true;
        case STRING_URI:
            return read_string(from, text) && text->has_value();
        case OPAQUE_URI:
        case HIERARCHICAL_URI: {
            if (!read_string(from, text)) return false;
            std::string whole = text->value_or("") + ":";
            for (int parts = form == OPAQUE_URI ? 2 : 4; parts > 0; --parts) {
                if (!read_part(from, &part)) return false;
                whole += part.value_or("");
            }
            *text = whole;
            return true;
        }
        default:
            return false;
    }
}

static bool skip_bundle(const Parcel& from, bool* filled = nullptr) {
    int32_t length;
    if (from.readInt32(&length) != OK) return false;
    if (filled) *filled = length > 0;
    return length <= 0 || (from.readInt32() == BUNDLE_MAGIC && from.readInplace(length));
}

std::optional<ComponentName> ComponentName::parse(const std::string& text) {
    const size_t slash = text.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) return std::nullopt;
    const std::string package = text.substr(0, slash), name = text.substr(slash + 1);
    return ComponentName{package, name[0] == '.' ? package + name : name};
}

void ComponentName::write(Parcel* to) const {
    to->writeInt32(1);
    to->writeString16(String16(package.c_str()));
    to->writeString16(String16(class_name.c_str()));
}

std::optional<Intent> Intent::read(const Parcel& from, int depth) {
    const size_t start = from.dataPosition();
    Intent intent;
    if (depth > 1 || !read_string(from, &intent.action) || !read_uri(from, &intent.data) ||
        !read_string(from, &intent.type) || !read_string(from, &intent.identifier) ||
        from.readUint32(&intent.flags) != OK || !read_string(from, &intent.package)) {
        return std::nullopt;
    }
    if (const auto package = read_string16(from)) {
        const auto class_name = read_string16(from);
        if (!class_name) return std::nullopt;
        intent.component = ComponentName{utf8(*package), utf8(*class_name)};
    }
    if (from.readInt32() != 0 && !from.readInplace(4 * sizeof(int32_t))) return std::nullopt;  // the source's bounds
    int32_t categories;
    if (from.readInt32(&categories) != OK) return std::nullopt;
    for (; categories > 0; --categories) {
        std::optional<std::string> category;
        if (!read_string(from, &category) || !category) return std::nullopt;
        intent.categories.push_back(*category);
    }
    if (from.readInt32() != 0 && !read(from, depth + 1)) return std::nullopt;  // the selector
    int32_t clip_data, user_hint;
    if (from.readInt32(&clip_data) != OK || clip_data != 0 || from.readInt32(&user_hint) != OK) return std::nullopt;
    if (!skip_bundle(from, &intent.has_extras)) return std::nullopt;
    intent.bytes = Bytes(from, start, from.dataPosition());
    return intent;
}

std::optional<Intent> Intent::read_argument(const Parcel& from) {
    return from.readInt32() != 0 ? read(from) : std::nullopt;
}

void Intent::write(Parcel* to) const {
    to->writeInt32(1);
    bytes.write(to);
}

bool Intent::filter_equals(const Intent& other) const {
    return action == other.action && data == other.data && type == other.type && identifier == other.identifier &&
           package == other.package && component == other.component && categories == other.categories;
}

std::string Intent::text() const {
    std::string text = "Intent {";
    if (action) text += " act=" + *action;
    for (const std::string& category : categories) text += " cat=[" + category + "]";
    if (data) text += " dat=" + *data;
    if (type) text += " typ=" + *type;
    char number[16];
    snprintf(number, sizeof(number), "%x", flags);
    if (flags) text += std::string(" flg=0x") + number;
    if (package) text += " pkg=" + *package;
    if (component) text += " cmp=" + component->text();
    return text + (has_extras ? " (has extras) }" : " }");
}

static bool read_names(const Parcel& from, std::vector<std::string>* names) {
    int32_t count;
    if (from.readInt32(&count) != OK) return false;
    for (; count > 0; --count) {
        const auto name = read_string16(from);
        if (!name) return false;
        names->push_back(utf8(*name));
    }
    return true;
}

std::optional<IntentFilter> IntentFilter::read_argument(const Parcel& from) {
    IntentFilter filter;
    if (from.readInt32() == 0 || !read_names(from, &filter.actions)) return std::nullopt;
    if (from.readInt32() != 0 && !read_names(from, &filter.categories)) return std::nullopt;
    if (from.readInt32() != 0 && !read_names(from, &filter.schemes)) return std::nullopt;
    // Types, since Android 11 static and dynamic ones and MIME groups, scheme-specific parts, authorities, paths.
    for (int others = OF_ANDROID_10 ? 4 : 6; others > 0; --others) {
        int32_t present;
        if (from.readInt32(&present) != OK || present != 0) return std::nullopt;
    }
    const size_t flags = OF_ANDROID_10 ? 4 : 5;  // whether there are partial types, since 11 of either kind, and others
    if (from.readInt32(&filter.priority) != OK || !from.readInplace(flags * sizeof(int32_t))) return std::nullopt;
    return filter;
}

static bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool IntentFilter::matches(const Intent& intent) const {
    if (!intent.action || !contains(actions, *intent.action) || intent.type) return false;
    for (const std::string& category : intent.categories) {
        if (!contains(categories, category)) return false;
    }
    if (!intent.data) return schemes.empty();
    return contains(schemes, intent.data->substr(0, intent.data->find(':')));
}

std::optional<Bytes> read_bundle_argument(const Parcel& from) {
    const size_t start = from.dataPosition();
    int32_t present;
    if (from.readInt32(&present) != OK || (present != 0 && !skip_bundle(from))) return std::nullopt;
    return Bytes(from, start, from.dataPosition());
}

Bytes null_argument() {
    Parcel null;
    null.writeInt32(0);
    return Bytes(null, 0, null.dataSize());
}

std::optional<String16> read_string16(const Parcel& from) {
    size_t length;
    const char16_t* text = from.readString16Inplace(&length);
    return text ? std::optional(String16(text, length)) : std::nullopt;
}

void write_string16(Parcel* to, const std::optional<String16>& text) {
    if (text) {
        to->writeString16(*text);
    } else {
        to->writeInt32(-1);
    }
}
