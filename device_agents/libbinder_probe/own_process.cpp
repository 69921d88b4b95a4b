#include "own_process.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>

static std::vector<std::string> binder_descriptors() {
    std::vector<std::string> found;
    std::unique_ptr<DIR, decltype(&closedir)> directory(opendir("/proc/self/fd"), closedir);
    while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
        char path[PATH_MAX] = "";
        readlink(("/proc/self/fd/" + std::string(entry->d_name)).c_str(), path, sizeof(path) - 1);
        if (strstr(path, "binder")) {
            found.push_back(Answer().number("descriptor", atoi(entry->d_name)).text("path", path).object());
        }
    }
    return found;
}

static std::vector<std::string> binder_mappings() {
    std::vector<std::string> found;
    std::unique_ptr<FILE, decltype(&fclose)> maps(fopen("/proc/self/maps", "re"), fclose);
    char line[PATH_MAX + 100];
    while (maps && fgets(line, sizeof(line), maps.get())) {
        uint64_t start, end;
        char protection[5], path[PATH_MAX];
        // A mapping without a path has one field less.
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %4095s", &start, &end, protection, path) == 4 &&
            strncmp(path, "/dev/", 5) == 0 && strstr(path, "binder")) {
            found.push_back(Answer()
                                .number("start", start)
                                .number("size", end - start)
                                .text("protection", protection)
                                .text("path", path)
                                .object());
        }
    }
    return found;
}

void add_binder_files(Answer& answer) {
    answer.json("descriptors", json_list(binder_descriptors())).json("mappings", json_list(binder_mappings()));
}

bool input_ends(std::optional<double> seconds) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    for (;;) {
        int milliseconds = -1;
        if (seconds) {
            const double left = *seconds - std::chrono::duration<double>(Clock::now() - start).count();
            if (left <= 0) return false;
            milliseconds = static_cast<int>(left * 1000) + 1;
        }
        pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&input, 1, milliseconds) <= 0) continue;
        char ignored[4096];
        if (read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0) return true;
    }
}

static std::string read_to_end(int descriptor) {
    std::string text;
    char part[4096];
    for (ssize_t size; (size = read(descriptor, part, sizeof(part))) > 0;) {
        text.append(part, size);
    }
    close(descriptor);
    return text;
}

Answer in_forked_child(const std::function<std::string()>& action) {
    int answers[2], logs[2];
    if (pipe(answers) != 0 || pipe(logs) != 0) {
        perror("libbinder_probe: pipe");
        exit(EXIT_FAILURE);
    }
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(5);
        dup2(logs[1], STDERR_FILENO);
        const std::string answer = action();
        _exit(write(answers[1], answer.data(), answer.size()) < 0);
    }
    close(answers[1]);
    close(logs[1]);
    const std::string answer = read_to_end(answers[0]);
    const std::string log = read_to_end(logs[0]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("libbinder_probe: fork");
        exit(EXIT_FAILURE);
    }
    return Answer()
        .json("answer", answer.empty() ? "null" : answer)
        .json("exit_status", WIFEXITED(status) ? std::to_string(WEXITSTATUS(status)) : "null")
        .json("signal", WIFSIGNALED(status) ? std::to_string(WTERMSIG(status)) : "null")
        .text("log", log);
}
