global using Errno = Cloister.Linux.Errno;
