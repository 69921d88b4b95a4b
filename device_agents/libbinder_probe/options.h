// The options of the command line.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

struct Options {
    double seconds = 30;
    std::string driver;
    std::optional<uid_t> uid;
    int times = 3;
    std::optional<double> die_after;
    std::vector<std::string> arguments;
};
