namespace Cloister.Engine.Observers;

/// <summary>How an exception comes to the program.</summary>
public enum ExceptionWay
{
    /// <summary>As a signal.</summary>
    Signal,

    /// <summary>In the exception structure of __vdso_sgx_enter_enclave.</summary>
    Vdso,

    /// <summary>By the handler that SGX_IOC_ENCLU_REGISTER registered (RFC v3 of December 2018).</summary>
    RegisteredHandler,
}
