/*
 * What the shim needs of network namespaces: libc calls that the manifest ffi.json cannot express, as it
 * passes every array as pointer and length. Paths end in NUL; the lengths are not needed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* From linux/nsfs.h, linux/magic.h and asm-generic/socket.h; musl has none of them. */
#define NET_NS_TYPE _IO(0xb7, 0x3)
#define NSFS 0x6e736673
#define NETNS_COOKIE 71

/*
 * Writes which network namespace a path leads to, as the launcher does: "device:inode", and ":cookie" from
 * Linux 5.14 on. Returns the length of the text, or -1 when there is no network namespace or it is our own.
 * The cookie can only be read inside, so this process stays in that namespace. It opens no socket later.
 */
int plexus_identify_netns(const uint8_t *path, size_t path_size, uint8_t *into, size_t size)
{
    (void)path_size;
    static struct stat own; /* of the first call: later ones are made in another namespace */
    struct stat file;
    struct statfs system;
    uint64_t cookie;
    socklen_t cookie_size = sizeof cookie;
    int length = -1, netns = open((const char *)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (netns < 0) return -1;
    if (!own.st_ino && stat("/proc/self/ns/net", &own)) own.st_ino = 0;
    if (!fstatfs(netns, &system) && system.f_type == NSFS && ioctl(netns, NET_NS_TYPE) == CLONE_NEWNET &&
        !fstat(netns, &file) && own.st_ino && file.st_ino != own.st_ino) {
        unsigned long long device = file.st_dev, inode = file.st_ino;
        length = snprintf((char *)into, size, "%llu:%llu", device, inode);
        int any = setns(netns, CLONE_NEWNET) ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (any >= 0 && !getsockopt(any, SOL_SOCKET, NETNS_COOKIE, &cookie, &cookie_size))
            length = snprintf((char *)into, size, "%llu:%llu:%llu", device, inode, (unsigned long long)cookie);
        if (any >= 0) close(any);
    }
    close(netns);
    return length;
}

/* Returns 0, or -1 with errno. */
int plexus_bind_mount(const uint8_t *from, size_t from_size, const uint8_t *to, size_t to_size)
{
    (void)from_size, (void)to_size;
    return mount((const char *)from, (const char *)to, NULL, MS_BIND, NULL);
}

/* Returns 0, or -1 with errno. */
int plexus_unmount(const uint8_t *path, size_t path_size)
{
    (void)path_size;
    return umount2((const char *)path, MNT_DETACH | UMOUNT_NOFOLLOW);
}
