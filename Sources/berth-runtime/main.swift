import Runtime

RuntimeProgram.main()
