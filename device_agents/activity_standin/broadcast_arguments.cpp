#include "broadcast_arguments.h"

#include <stdlib.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

#include "broadcasts.h"
#include "intent_writer.h"

using namespace android;

static const uint32_t FLAG_RECEIVER_FROM_SHELL = 0x00400000;  // Intent.java, Android 11

// Options of Android 11's `am broadcast` that the stand-in does not take, by the start of their names, and why.
static const std::pair<std::string_view, const char*> UNSUPPORTED[] = {
    {"--eu", "it makes no extras that are Parcelables"},
    {"--ecn", "it makes no extras that are Parcelables"},
    {"--eia", "it makes no extras that are arrays or lists"},
    {"--ela", "it makes no extras that are arrays or lists"},
    {"--efa", "it makes no extras that are arrays or lists"},
    {"--esa", "it makes no extras that are arrays or lists"},
    {"--receiver-permission", "there are no permissions here"},
    {"--allow-background-activity-starts", "there are no activities here"},
    {"--selector", "it makes no Intents that have a selector"},
    {"--grant-", "give the flag's number to -f"},
    {"--receiver-", "give the flag's number to -f"},
    {"--activity-", "give the flag's number to -f"},
    {"--include-stopped-packages", "give the flag's number to -f"},
    {"--exclude-stopped-packages", "give the flag's number to -f"},
    {"--debug-log-resolution", "give the flag's number to -f"},
};

static bool starts_with(std::string_view text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

static std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

// Takes the radix off: 0x, 0X, # and 0, as Integer.decode.
static int take_radix(std::string_view* digits) {
    static const std::pair<std::string_view, int> PREFIXES[] = {{"0x", 16}, {"0X", 16}, {"#", 16}, {"0", 8}};
    for (const auto& [prefix, radix] : PREFIXES) {
        if (!starts_with(*digits, prefix) || *digits == prefix) continue;
        digits->remove_prefix(prefix.size());
        return radix;
    }
    return 10;
}

// As Integer.decode, or Long.valueOf, which takes no radix but ten: a sign and digits, and nothing beside.
template <typename Number>
static std::optional<Number> whole_number(std::string_view text, bool any_radix) {
    const bool negative = starts_with(text, "-");
    if (negative || starts_with(text, "+")) text.remove_prefix(1);
    const int radix = any_radix ? take_radix(&text) : 10;
    uint64_t magnitude;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, magnitude, radix);
    const uint64_t largest = static_cast<uint64_t>(std::numeric_limits<Number>::max()) + (negative ? 1 : 0);
    if (error != std::errc() || stop != end || magnitude > largest) return std::nullopt;
    return static_cast<Number>(negative ? 0 - magnitude : magnitude);
}

// As Float.valueOf, save for hexadecimal numbers and suffixes.
static std::optional<float> real_number(const std::string& text) {
    const std::string_view named = std::string_view(text).substr(text.find_first_not_of("+-") == 1 ? 1 : 0);
    const bool digits = !text.empty() && text.find_first_not_of("0123456789.eE+-") == std::string::npos;
    if (!digits && named != "NaN" && named != "Infinity") return std::nullopt;
    char* end;
    const float number = strtof(text.c_str(), &end);
    return *end == '\0' ? std::optional(number) : std::nullopt;
}

class BroadcastReader {
  public:
    explicit BroadcastReader(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

    bool read() {
        while (const auto option = next_option()) {
            if (!take(*option)) return false;
        }
        if (place_ < arguments_.size() && !take_argument(arguments_[place_])) return false;
        if (!supplied_) return illegal("No intent supplied");
        intent_.flags |= FLAG_RECEIVER_FROM_SHELL;
        return true;
    }
    const IntentWriter& intent() const {
        return intent_;
    }
    int32_t user() const {
        return user_;
    }
    const std::string& exception() const {
        return exception_;
    }

  private:
    // BasicShellCommandHandler.getNextOption: -aVALUE is -a VALUE.
    std::optional<std::string> next_option() {
        if (place_ == arguments_.size() || arguments_[place_][0] != '-') return std::nullopt;
        std::string& argument = arguments_[place_];
        if (argument == "--") {
            ++place_;
            return std::nullopt;
        }
        if (argument.size() <= 2 || argument[1] == '-') return arguments_[place_++];
        const std::string option = argument.substr(0, 2);
        argument.erase(0, 2);
        return option;
    }

    // BasicShellCommandHandler.getNextArgRequired.
    bool require(std::string* value) {
        if (place_ == arguments_.size()) return illegal("Argument expected after " + quoted(arguments_[place_ - 1]));
        *value = arguments_[place_++];
        return true;
    }

    bool take(const std::string& option) {
        for (const auto& [start, why] : UNSUPPORTED) {
            if (starts_with(option, start)) {
                return refuse("UnsupportedOperationException", "the stand-in does not take " + option + ": " + why);
            }
        }
        if (option == "--esn") {
            std::string key;
            if (!require(&key)) return false;
            intent_.extra(key, NOTHING);
            return true;
        }
        static const std::string_view EXTRAS[] = {"-e", "--es", "--ei", "--el", "--ef", "--ez"};
        if (std::find(std::begin(EXTRAS), std::end(EXTRAS), option) != std::end(EXTRAS)) {
            std::string key, value;
            return require(&key) && require(&value) && take_extra(option, key, value);
        }
        static const std::string_view FIELDS[] = {"-a", "-d", "-t", "-c", "-n", "-p", "-f", "--user"};
        if (std::find(std::begin(FIELDS), std::end(FIELDS), option) != std::end(FIELDS)) {
            std::string value;
            return require(&value) && take_field(option, value);
        }
        return illegal("Unknown option: " + option);
    }

    bool take_field(const std::string& option, const std::string& value) {
        if (option == "--user") return take_user(value);
        if (option == "-f") {
            const auto flags = whole_number<int32_t>(value, true);
            if (flags) intent_.flags = static_cast<uint32_t>(*flags);
            return flags || no_number(value);
        }
        supplied_ = true;
        if (option == "-n") return take_component(value);
        if (option == "-c") {
            auto& categories = intent_.categories;  // a set
            if (std::find(categories.begin(), categories.end(), value) == categories.end()) {
                categories.push_back(value);
            }
        } else {
            (option == "-a"   ? intent_.action
             : option == "-d" ? intent_.data
             : option == "-t" ? intent_.type
                              : intent_.package) = value;
        }
        return true;
    }

    // UserHandle.parseUserArg.
    bool take_user(const std::string& value) {
        if (value == "all") {
            user_ = USER_ALL;
        } else if (value == "current" || value == "cur") {
            user_ = USER_CURRENT;
        } else if (const auto user = whole_number<int32_t>(value, false)) {
            user_ = *user;
        } else {
            return illegal("Bad user number: " + value);
        }
        return true;
    }

    bool take_component(const std::string& value) {
        intent_.component = ComponentName::parse(value);
        return intent_.component || illegal("Bad component name: " + value);
    }

    bool take_extra(const std::string& option, const std::string& key, const std::string& value) {
        if (option == "--ei") {
            const auto number = whole_number<int32_t>(value, true);
            if (number) intent_.extra(key, INTEGER).writeInt32(*number);
            return number || no_number(value);
        }
        if (option == "--el") {
            const auto number = whole_number<int64_t>(value, false);
            if (number) intent_.extra(key, LONG).writeInt64(*number);
            return number || no_number(value);
        }
        if (option == "--ef") {
            const auto number = real_number(value);
            if (number) intent_.extra(key, FLOAT).writeFloat(*number);
            return number || no_number(value);
        }
        if (option == "--ez") return take_boolean(key, value);
        intent_.extra(key, STRING).writeString16(String16(value.c_str()));
        return true;
    }

    bool take_boolean(const std::string& key, std::string value) {
        for (char& letter : value) letter = static_cast<char>(tolower(letter));
        const auto number = whole_number<int32_t>(value, true);
        const bool yes = value == "true" || value == "t", no = value == "false" || value == "f";
        if (!yes && !no && !number) return illegal("Invalid boolean value: " + value);
        intent_.extra(key, BOOLEAN).writeInt32(yes || (number && *number != 0));
        return true;
    }

    // An argument that is not an option: a component or a package, of an activity unless an action is given.
    bool take_argument(const std::string& value) {
        if (value.find(':') != std::string::npos) {
            return refuse("UnsupportedOperationException",
                          "the stand-in reads no Intent from the URI " + value + ": give its parts by options");
        }
        if (value.find('/') != std::string::npos) {
            if (!take_component(value)) return false;
        } else if (!intent_.package) {
            intent_.package = value;
        }
        if (!intent_.action) {
            intent_.action = "android.intent.action.MAIN";
            if (intent_.categories.empty()) intent_.categories = {"android.intent.category.LAUNCHER"};
        }
        supplied_ = true;
        return true;
    }

    bool refuse(const char* exception, const std::string& message) {
        exception_ = std::string("java.lang.") + exception + ": " + message;
        return false;
    }
    bool illegal(const std::string& message) {
        return refuse("IllegalArgumentException", message);
    }
    bool no_number(const std::string& text) {
        return refuse("NumberFormatException", "For input string: " + quoted(text));
    }

    std::vector<std::string> arguments_;
    size_t place_ = 0;
    IntentWriter intent_;
    int32_t user_ = USER_CURRENT;
    bool supplied_ = false;
    std::string exception_;
};

std::optional<BroadcastArguments> read_broadcast_arguments(std::vector<std::string> arguments, std::string* exception) {
    BroadcastReader reader(std::move(arguments));
    if (reader.read()) {
        if (const auto intent = reader.intent().intent()) return BroadcastArguments{*intent, reader.user()};
    }
    *exception = reader.exception();
    return std::nullopt;
}
