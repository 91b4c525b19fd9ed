/* The quickest CNI plugin there is: it says that it made the interface, and did not; success and silence for the rest. For benchmarks,
 * where the plugin's own time must not count. The cniVersion is the first one in the configuration. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char conf[1 << 20];

static void write_all(const char *text, size_t length) {
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, text, length);
        if (written <= 0) _exit(1);
        text += written;
        length -= (size_t)written;
    }
}

static void print(const char *text) {
    if (text) write_all(text, strlen(text));
}

static void read_conf(void) {
    size_t length = 0;
    ssize_t got;
    while (length < sizeof conf - 1 && (got = read(STDIN_FILENO, conf + length, sizeof conf - 1 - length)) > 0)
        length += (size_t)got;
}

/* The text between the quotes, "1.0.0" where there is none. */
static const char *cni_version(size_t *length) {
    const char *at = strstr(conf, "\"cniVersion\"");
    const char *begin = at ? strchr(at + strlen("\"cniVersion\""), '"') : NULL;
    const char *end = begin ? strchr(begin + 1, '"') : NULL;
    if (!end) {
        *length = strlen("1.0.0");
        return "1.0.0";
    }
    *length = (size_t)(end - begin - 1);
    return begin + 1;
}

int main(void) {
    const char *verb = getenv("CNI_COMMAND");
    size_t length;
    const char *version;

    read_conf();
    if (!verb || strcmp(verb, "ADD") != 0) return 0;
    version = cni_version(&length);
    print("{\"cniVersion\":\"");
    write_all(version, length);
    print("\",\"interfaces\":[{\"name\":\"");
    print(getenv("CNI_IFNAME"));
    print("\",\"sandbox\":\"");
    print(getenv("CNI_NETNS"));
    print("\"}],\"ips\":[],\"dns\":{}}\n");
    return 0;
}
