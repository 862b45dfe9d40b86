namespace Cloister.Cli.Debugging;

/// <summary>What gdb is told before it meets a program under Cloister: commands of its own about enclaves.</summary>
internal static class GdbScript
{
    /// <summary>The script.</summary>
    public const string Text = """
        # Commands about enclaves, for gdb on `cloister run --gdb` and `cloister gdb`.
        # The debug registers are in use: gdb steps to watch.
        set can-use-hw-watchpoints 0
        define info enclave
          monitor enclaves
        end
        document info enclave
        The enclaves of the program: where, which file, whether they may be debugged, who is inside.
        end
        define info epcm
          if $argc == 0
            echo info epcm: an address is needed, as in `info epcm $pc`\n
          else
            eval "monitor epcm 0x%lx", (unsigned long)($arg0)
          end
        end
        document info epcm
        info epcm ADDRESS: the EPCM entry of the page at an address.
        end
        define info tcs
          if $argc == 0
            monitor tcs
          else
            eval "monitor tcs 0x%lx", (unsigned long)($arg0)
          end
        end
        document info tcs
        info tcs [ADDRESS]: a thread control structure, or those of the threads that are inside.
        end
        define info ssa
          if $argc == 0
            monitor ssa
          else
            eval "monitor ssa 0x%lx", (unsigned long)($arg0)
          end
        end
        document info ssa
        info ssa [ADDRESS]: the frames of a TCS's state save area that are in use.
        end

        """;
}
