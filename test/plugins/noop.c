/* The quickest CNI plugin there is: a fixed, valid result for ADD, success and silence for the rest. For benchmarks, where
 * the plugin's own time must not count. The cniVersion is the first one in the configuration. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char conf[1 << 20];

static void print(const char *text, size_t length) {
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, text, length);
        if (written <= 0) _exit(1);
        text += written;
        length -= (size_t)written;
    }
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
    static const char head[] = "{\"cniVersion\":\"";
    static const char tail[] = "\",\"interfaces\":[],\"ips\":[],\"dns\":{}}\n";
    const char *verb = getenv("CNI_COMMAND");
    size_t length;
    const char *version;

    read_conf();
    if (!verb || strcmp(verb, "ADD") != 0) return 0;
    version = cni_version(&length);
    print(head, sizeof head - 1);
    print(version, length);
    print(tail, sizeof tail - 1);
    return 0;
}
